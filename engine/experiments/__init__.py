"""The thesis' tables and figures by name: what each needs, what is stored of it, and how it reads."""
