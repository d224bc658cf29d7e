"""The accounts: where they are kept, who may do what, and the pages of an account."""
