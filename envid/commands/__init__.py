"""What each command does, from its flags to its output; the Invoke tasks and ``python -m envid`` both call these."""
