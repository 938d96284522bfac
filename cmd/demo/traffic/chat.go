package traffic

// newChat simulates a conversation in a room, with typing indicators.
func newChat(channel string, people []*person) func(chance) []event {
	lines := sentences
	if channel == "room.日本語" {
		lines = japanese
	}
	var typing *person
	return func(ch chance) []event {
		if len(people) == 0 {
			return nil
		}
		if typing == nil && ch.oneIn(2) {
			typing = pick(ch, people)
			return []event{{Channel: channel, Type: "typing", Payload: typing.id}}
		}
		by := typing
		if typing = nil; by == nil {
			by = pick(ch, people)
		}
		said := object{"user": by.id, "name": by.name, "text": pick(ch, lines)}
		if ch.oneIn(6) {
			said["reactions"] = object{pick(ch, []string{"👍", "🎉", "😂", "❤️", "👀", "🧑🏽‍💻"}): 1 + ch.IntN(5)}
		}
		return []event{{Channel: channel, Type: "message", Payload: said}}
	}
}

var sentences = []string{
	"Good morning everyone ☀️",
	"Has anyone seen the new onboarding numbers?",
	"I'll be five minutes late, the train is stuck again.",
	"Can somebody review my change before lunch?",
	"The customer from Lisbon says thank you 🙏",
	"Which of the two mock-ups do you like better?",
	"The second, by far. But the contrast is too low in dark mode.",
	"Done. It is on staging now.",
	"Why does <b>bold</b> & \"quoted\" text look odd in the preview?",
	"Fixed it – the cache key was missing the currency.",
	"Lunch? 🍜",
	"صباح الخير للجميع، الاجتماع بعد عشر دقائق",
	"בוקר טוב, מי מצטרף לקפה?",
	"Le rapport est prêt, dites-moi s'il manque quelque chose.",
	"Wer hat den Schlüssel für den Besprechungsraum?",
	"👩‍👩‍👧‍👦🏳️‍🌈🇵🇹🇯🇵 that's the whole team",
	"Please don't deploy on Friday.\nReally, please don't.",
	"It works on my machine ¯\\_(ツ)_/¯",
	"Can we move the retro to Thursday? I have a dentist's appointment on Wednesday, and I would rather not have to choose between the two.",
	"+1",
}

var japanese = []string{
	"おはようございます",
	"本日の会議は15時からです。",
	"資料を共有しました。ご確認ください。",
	"ありがとうございます！🙇",
	"在庫は大丈夫ですか？",
	"はい、明日届きます。",
}

var mails = []string{
	"%s mentioned you in room.general",
	"%s assigned a ticket to you",
	"%s shared “Roadmap 2027” with you",
	"%s commented on your change",
	"%s invites you to a meeting at 15:30",
}
