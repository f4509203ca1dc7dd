"""One signed folder for a machine without a network: wheels, model, certificate, documents, and what installs it."""
