"""`python -m tune` is `topknot`."""

from tune.cli import main

main()
