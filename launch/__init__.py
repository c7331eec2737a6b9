"""The commands of ``run.py``; standard library only, because nothing is installed yet."""
