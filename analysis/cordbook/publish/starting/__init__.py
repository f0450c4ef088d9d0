"""A new review: its files are made from ``template/`` and ``tables.yml``, and its invented examples are taken out again."""
