"""Samples of members and near-members of a segment for people to judge, and what follows from their judgement."""
