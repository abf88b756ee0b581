"""The harness's requests as padded batches, in which the answers to one context share a row.

A row is the context without its last token, then, for each answer, that last token and the answer
without its own: every answered token has a place of its own, sees the context and its own answer
only, and stands at the position it would have alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

PADDING, CONTEXT = -1, 0  # segments of a row; its answers are 1, 2, ...


class Request(NamedTuple):
    """Tokens of a context and of the answer whose likelihood is asked for."""

    context: tuple[int, ...]
    answer: tuple[int, ...]


class RequestBatch(NamedTuple):
    """B rows of up to L tokens, padded on the right.

    requests: places of the requests in the list they came from; ids_BxL; mask_BxL: 1 where a token
    is; owner_BxL: which of `requests` asks for the next token, or -1; targets_BxL: that next token.
    None where no context is shared: positions_BxL: in the request alone; visible_Bx1xLxL: True
    where a token (second to last axis) sees another.
    """

    requests: list[int]
    ids_BxL: torch.Tensor
    mask_BxL: torch.Tensor
    owner_BxL: torch.Tensor
    targets_BxL: torch.Tensor
    positions_BxL: torch.Tensor | None
    visible_Bx1xLxL: torch.Tensor | None

    def to(self, device: torch.device) -> "RequestBatch":
        moved = (each if each is None else each.to(device) for each in self[1:])
        return RequestBatch(self.requests, *moved)


def longest_row(requests: Sequence[Request], max_length: int) -> list[Request]:
    """The requests that would share the longest row; one or none if no context is shared."""
    rows = _rows(requests, max_length, together=True)
    shared = [places for places in rows if len(places) > 1]
    longest = max(shared, key=lambda places: _length(requests, places, max_length), default=[])
    return [requests[place] for place in longest]


def packed(
    requests: Sequence[Request], batch_size: int, max_length: int, together: bool
) -> list[RequestBatch]:
    """Batches of `batch_size` rows, the shortest first.

    Args:
        max_length: tokens the model takes; a longer request is cut on the left, as the harness
            does. together: answers to the same context share a row where they fit.
    """
    rows = _rows(requests, max_length, together)
    rows.sort(key=lambda places: _length(requests, places, max_length))
    return [
        _batch(requests, rows[start : start + batch_size], max_length, together)
        for start in range(0, len(rows), batch_size)
    ]


def _rows(requests: Sequence[Request], max_length: int, together: bool) -> list[list[int]]:
    """Places of the requests that share a row."""
    rows: dict[object, list[int]] = {}
    for place, request in enumerate(requests):
        fits = len(request.context) + len(request.answer) <= max_length + 1
        rows.setdefault(request.context if together and fits else place, []).append(place)
    return list(rows.values())


def _length(requests: Sequence[Request], places: list[int], max_length: int) -> int:
    context = _fitting(requests[places[0]], max_length)
    return len(context) - 1 + sum(len(requests[place].answer) for place in places)


def _batch(
    requests: Sequence[Request], rows: list[list[int]], max_length: int, together: bool
) -> RequestBatch:
    shape = len(rows), max(_length(requests, places, max_length) for places in rows)
    ids, positions, targets = (torch.zeros(shape, dtype=torch.long) for _ in range(3))
    owner, segment = torch.full(shape, -1), torch.full(shape, PADDING)
    owners: list[int] = []
    for row, places in enumerate(rows):
        context = _fitting(requests[places[0]], max_length)
        start = len(context) - 1
        ids[row, :start] = torch.tensor(context[:-1])
        positions[row, :start] = torch.arange(start)
        segment[row, :start] = CONTEXT
        end = start
        for number, place in enumerate(places, start=1):
            answer = torch.tensor(requests[place].answer)
            span = slice(end, end := end + len(answer))
            ids[row, span] = torch.cat([torch.tensor(context[-1:]), answer[:-1]])
            positions[row, span] = torch.arange(start, start + len(answer))
            segment[row, span] = number
            owner[row, span] = len(owners)
            targets[row, span] = answer
            owners.append(place)
    mask = (segment != PADDING).long()
    shared = (positions, _visible(segment)) if together else (None, None)
    return RequestBatch(owners, ids, mask, owner, targets, *shared)


def _fitting(request: Request, max_length: int) -> tuple[int, ...]:
    """The context, cut on the left to what the model takes."""
    return request.context[-(max_length + 1 - len(request.answer)) :]


def _visible(segment_BxL: torch.Tensor) -> torch.Tensor:
    """Bx1xLxL: True where a token sees another, its context or its own segment up to itself."""
    one, other = segment_BxL[:, :, None], segment_BxL[:, None, :]
    length = segment_BxL.shape[1]
    before = torch.ones(length, length, dtype=torch.bool).tril()
    return (before & ((other == CONTEXT) | (other == one)))[:, None]
