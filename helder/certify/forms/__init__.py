"""The same facts in the forms that authorities and other people ask for; what nobody said is left open to be seen."""
