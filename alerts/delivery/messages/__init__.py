"""What messages say: catalogues in zh and en, and the budget of an SMS."""
