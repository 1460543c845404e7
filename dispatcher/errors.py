"""What a person can put right: the message is Vietnamese, for the person at the screen."""


class UserError(Exception):
    """Something asked for cannot be done; the message says what, where, and what to do next."""
