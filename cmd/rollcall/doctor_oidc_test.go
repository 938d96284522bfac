package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// The doctor takes the settings of the login provider from the server's configuration file, and no others of it.
func TestDoctorChecksTheLoginProvider(t *testing.T) {
	t.Parallel()
	provider := httptest.NewServer(http.NotFoundHandler())
	defer provider.Close()
	config := newFile(t, "rollcall.yaml", "listen: 127.0.0.1:1\nchannel: [\"typing.> keep=none\"]\nadmin-url: http://localhost/admin\noidc-issuer: "+provider.URL+
		"/realms/main\noidc-client-id: rollcall\noidc-role: [ops=operator]\n")
	p := serve(t, nil)
	p.cli("doctor", "--wait=0").wantEnd(t, 0, "reach")
	p.cli("doctor", "--wait=0", "--config="+config).wantEnd(t, 1, "/realms/main/.well-known/openid-configuration is answered with 404: set oidc-issuer")
	p.cli("doctor", "--wait=0", "--config="+config, "--oidc-client-id=").wantEnd(t, 1, "client id is missing")
	p.cli("doctor", "--wait=0", "--config="+newFile(t, "wrong.yaml", "oidc-isuer: x\n")).wantEnd(t, 2, `did you mean "oidc-issuer"`)
}
