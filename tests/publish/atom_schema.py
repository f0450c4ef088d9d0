"""Holds feeds against the schema of RFC 4287: the first fault of each file, or ``valid``, a line a file.

Run by the Python of ``.venv-validators``, never imported: ``python atom_schema.py SCHEMA FEED...``.
"""

import sys

from lxml import etree

schema = etree.RelaxNG(file=sys.argv[1])
for path in sys.argv[2:]:
    print("valid" if schema.validate(etree.parse(path)) else f"{path}: {schema.error_log[0].message}")
