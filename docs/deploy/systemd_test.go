package deploy

import (
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/coreos/go-systemd/v22/unit"
)

// options are those of a section of rollcall.service.
func options(t *testing.T, section string) map[string]string {
	t.Helper()
	all, err := unit.DeserializeOptions(strings.NewReader(read(t, "rollcall.service")))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, option := range all {
		if option.Section == section {
			if _, twice := found[option.Name]; twice {
				t.Errorf("%s is there twice", option.Name)
			}
			found[option.Name] = option.Value
		}
	}
	return found
}

// The service starts with its command line and its configuration file.
func TestService(t *testing.T) {
	service := options(t, "Service")
	config := substitute(t, read(t, "rollcall.yaml"), "127.0.0.1:9090", "127.0.0.1:0", "/var/lib/rollcall/events", t.TempDir())
	command := substitute(t, service["ExecStart"], "/usr/bin/rollcall ", "", "/etc/rollcall/rollcall.yaml", write(t, "rollcall.yaml", config))
	serve(t, []string{"ROLLCALL_JWT_SECRET=" + secret}, strings.Fields(command)...)
	if stop, err := strconv.Atoi(service["TimeoutStopSec"]); err != nil || stop <= 30 {
		t.Errorf("it has %q s to stop, and its shutdown timeout is 30", service["TimeoutStopSec"])
	}
	for name, want := range map[string]string{"User": "rollcall", "StateDirectory": "rollcall", "NoNewPrivileges": "yes", "ProtectSystem": "strict"} {
		if service[name] != want {
			t.Errorf("%s=%s, want %s", name, service[name], want)
		}
	}
}

// The same with everything that is commented out.
func TestServiceWithAllSettings(t *testing.T) {
	_, line := newKey(t)
	dir := t.TempDir()
	config := regexp.MustCompile(`(?m)^#([a-z-]+:)`).ReplaceAllString(read(t, "rollcall.yaml"), "$1")
	config = substitute(t, config, "127.0.0.1:9090", ":0", "127.0.0.1:9091", "127.0.0.1:0",
		"/etc/rollcall/keys", write(t, "keys", line), "/var/lib/rollcall/", dir+"/")
	serve(t, nil, "serve", "--config", write(t, "rollcall.yaml", config))
}

// systemd knows every directive, and thinks the service well confined.
func TestServiceBySystemd(t *testing.T) {
	analyze := need(t, "systemd-analyze")
	path := write(t, "rollcall.service", substitute(t, read(t, "rollcall.service"), "/usr/bin/rollcall ", binary+" "))
	out, err := exec.Command(analyze, "verify", "--man=no", path).CombinedOutput()
	if text := strings.TrimSpace(string(out)); err != nil || strings.Contains(text, "rollcall.service:") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, text)
	}
	if out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=20", "--no-pager", path).CombinedOutput(); err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
}
