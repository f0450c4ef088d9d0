"""Holds feeds against the schema of RFC 4287: the first fault of each file, or ``valid``, one line per file.

Run by the Python of ``.venv-validators``, never imported: ``python atom_schema.py SCHEMA FEED...``.
"""

import sys


def main(place: str, feeds: list[str]) -> None:
    """Print what the schema has against each feed."""
    from lxml import etree

    schema = etree.RelaxNG(file=place)
    for path in feeds:
        print("valid" if schema.validate(etree.parse(path)) else f"{path}: {schema.error_log[0].message}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
