"""Backups: one directory that holds the database and every object it names, and the way back.

``vault`` knows files and keys, ``manifest`` what a backup tells of itself, ``databases`` dumps and restores,
``objects`` what the database names in the stores; ``taking`` and ``restoring`` are the two commands.
"""
