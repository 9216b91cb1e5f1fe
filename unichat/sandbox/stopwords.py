"""Words that say nothing about a question's subject: English ones, and the usual ones of asking in other languages."""

from __future__ import annotations

_STOPWORDS = """
    a about after all also am an and any are aren as at be because been before being but by can cannot could couldn
    did didn do does doesn doing don down during each else ever few for from further had has have having he her here
    hers him his how i if in into is isn it its itself just let ll me more most my myself no nor not now of off on
    once one only or other our ours out over own per please re really s same she should so some still such t than that
    the their theirs them then there these they this those through to too under until up upon us ve very was wasn we
    were what when where whether which while who whom whose why will with within without won would wouldn yes yet you
    your yours
    các cách của để được gì là làm nào những như sao thế và đâu
"""
STOPWORDS = frozenset(_STOPWORDS.split())
"""Never searched for: English and Vietnamese words."""

_VAGUE = """
    again alter another back best better bit change changed changes changing choose come describe detail details
    different do easy elaborate example examples explain explanation find get getting give given go going good happen
    happens hello help hi instead kind know like look looks lot made make makes making mean means need needed needs new
    ok okay part possible right say says see set show shown simple sort tell thank thanks
    thing things think try turn understand use used using want way ways well work works wrong
"""
VAGUE = frozenset(_VAGUE.split())
"""Words of asking, which fit any subject: with nothing else, a question is about what was asked before."""

_QUESTION_PHRASES = """
    请问 请 如何 怎么样 怎么 怎样 什么 为什么 为何 哪里 哪儿 哪个 哪些 多少
    多久 多长 什么时候 几个 是不是 能不能 可不可以 是否 能否 可以 我们 你们 是 吗 呢 吧 的 了
    請問 請 怎麼 怎樣 什麼 為什麼 為何 哪裡 哪個 嗎
    どうすればいい どうやって どのように どうしたら どうして
    なぜ いつ どこ どれ 何 教えて ください 方法 です ます
    어떻게 무엇 언제 어디 어느 왜 얼마나 인가요 나요 하나요 합니까 입니까 해야 주세요
    ได้อย่างไร อย่างไร อะไร ที่ไหน เมื่อไหร่ เมื่อไร ทำไม เท่าไร ใคร ฉันจะ ฉัน ผม คือ หรือไม่ ไหม ครับ ค่ะ
"""
QUESTION_PHRASES = frozenset(_QUESTION_PHRASES.split())
"""Taken out of questions in languages that do not put spaces between words."""
