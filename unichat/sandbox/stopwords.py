"""English words that say nothing about a question's subject."""

from __future__ import annotations

_STOPWORDS = """
    a about after all also am an and any are aren as at be because been before being but by can cannot could couldn
    did didn do does doesn doing don down during each else ever few for from further had has have having he her here
    hers him his how i if in into is isn it its itself just let ll me more most my myself no nor not now of off on
    once one only or other our ours out over own per please re really s same she should so some still such t than that
    the their theirs them then there these they this those through to too under until up upon us ve very was wasn we
    were what when where whether which while who whom whose why will with within without won would wouldn yes yet you
    your yours
"""
STOPWORDS = frozenset(_STOPWORDS.split())
"""Never searched for."""

_VAGUE = """
    again alter another back best better bit change changed changes changing choose come describe detail details
    different do easy elaborate example examples explain explanation find get getting give given go going good happen
    happens hello help hi instead kind know like look looks lot made make makes making mean means need needed needs new
    ok okay part possible right say says see set show shown simple sort tell thank thanks
    thing things think try turn understand use used using want way ways well work works wrong
"""
VAGUE = frozenset(_VAGUE.split())
"""Words of asking, which fit any subject: with nothing else, a question is about what was asked before."""
