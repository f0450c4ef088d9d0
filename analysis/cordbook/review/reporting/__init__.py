"""What a systematic review must report: the PRISMA flow, the checklist, news, and what a release freezes."""
