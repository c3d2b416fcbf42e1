"""`python -m kohort_command` is the command `kohort`."""

from kohort_command import main

main()
