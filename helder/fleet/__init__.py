"""Past this machine, on paper: what a training would take on machines that are not here."""
