"""Bringing in what other catalogues offer: ``fetch`` reads an address, ``oai`` and ``feeds`` find entries in the
answer, ``words`` makes records of them, ``run`` hands those to the importer and keeps the report."""
