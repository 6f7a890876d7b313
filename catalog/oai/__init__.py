"""The catalogue for harvesters: a provider of OAI-PMH 2.0 (openarchives.org/OAI/2.0/openarchivesprotocol.htm).

``protocol`` reads requests, ``register`` keeps when each course changed, ``repository`` finds a page of records,
``formats/`` has one file a metadata format, ``answer`` writes the XML, ``views`` is the address ``/oai``.
"""
