"""`python -m tlsclose`."""

from tlsclose.cli.main import run

if __name__ == "__main__":
    run()
