"""`python -m engine` is `st5`."""

from engine.commands import main

if __name__ == "__main__":
    main()
