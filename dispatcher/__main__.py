"""`python -m dispatcher` is the same as `dispatcher`."""

from dispatcher.cli import main

main()
