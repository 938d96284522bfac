package web_test

import "testing"

// The audit log names the channels of a batch, not the page that it was published from.
func TestAuditNamesTheChannelsOfABatch(t *testing.T) {
	t.Parallel()
	srv := startAdmin(t)
	alice := operator(t, srv)
	batch := `{"events":[{"channelName":"b","type":"x","payload":1},{"channelName":"c","type":"x","payload":2},` +
		`{"channelName":"b","type":"x","payload":3}]}`
	alice.act("ok", "Published 3 events.", "/admin/channels/a/publish", "mode", "batch", "batch", batch)
	log := auditOf(t, alice)
	if last := log[len(log)-1]; last.Action != "channel.publish" || last.Target != "b, c" || last.Detail != "3 events" {
		t.Errorf("the audit log has %+v, want the channels b, c", last)
	}
}
