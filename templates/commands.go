package templates

import "strings"

// subscribeLine returns a command that subscribes to a channel.
func subscribeLine(baseURL, channel, clientID string) string {
	return "curl -N '" + shellQuoted(baseOr(baseURL)) + "/subscribe?channels=" + queryList([]string{channel}) +
		"&clientId=" + queryList([]string{clientID}) + "'"
}

// publishLine returns a command that publishes a greeting to a channel.
func publishLine(baseURL, channel string) string {
	return "curl '" + shellQuoted(baseOr(baseURL)) + "/publish' -H 'Content-Type: application/json' -d '" +
		shellQuoted(sampleBatch(channel)) + "'"
}

func baseOr(baseURL string) string {
	if baseURL = strings.TrimRight(baseURL, "/"); baseURL != "" {
		return baseURL
	}
	return DefaultBaseURL
}
