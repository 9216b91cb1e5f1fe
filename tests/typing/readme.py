import unichat

with unichat.sandbox.start() as box, unichat.connect("kapa", **box.settings("kapa")) as bot:
    answer = bot.chat("How do I switch vendors?", user="ada")
    print(answer.text)
    for source in answer.sources:
        print("Source:", source.title, source.url)
    more = bot.continue_thread(answer, "What cannot be carried over?", user="ada")
    print(more.text)
    receipt = bot.feedback(more, unichat.Rating.UP, user="ada")
