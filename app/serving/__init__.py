"""How requests arrive and answers leave, so that no client holds up the others."""
