"""`python -m crosstie` is the command line."""

from crosstie.cli import main

if __name__ == "__main__":  # and not where another process reads this file to find a function
    main()
