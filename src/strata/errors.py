"""The base of every error that is the user's to mend: a stage ends on it with one line."""


class StrataError(Exception):
    """Something cannot be had or done as asked; the message names it and says what to do."""

    def __str__(self) -> str:
        """One line, also where it quotes several of another's."""
        return " ".join(super().__str__().split())
