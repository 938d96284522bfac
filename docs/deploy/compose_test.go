package deploy

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/nats-io/nats-server/v2/server"
)

// natsPassword would be a number for NATS if it were not in quotes.
const natsPassword = "12345"

// compose loads compose.yaml with the variables that README.md has set.
func compose(t *testing.T, keyLine string) *types.Project {
	t.Helper()
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  ".",
		ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml"}},
		Environment: types.Mapping{"NATS_PASSWORD": natsPassword, "ROLLCALL_JWT_SECRET": secret, "ROLLCALL_API_KEY": keyLine},
	}, func(o *loader.Options) { o.SetProjectName("rollcall", true) })
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// variables are those of a service.
func variables(s types.ServiceConfig) (env []string) {
	for name, value := range s.Environment {
		if value != nil {
			env = append(env, name+"="+*value)
		}
	}
	return env
}

// cluster is NATS servers as nats.conf and compose.yaml set them up, but on loopback.
type cluster struct {
	servers []*server.Server
}

// newCluster starts n of the three servers' kind.
func newCluster(t *testing.T, n int) *cluster {
	t.Helper()
	project := compose(t, "name=…")
	c := new(cluster)
	var routes []*url.URL
	var options []*server.Options
	for i := range n {
		name := fmt.Sprint("nats", i+1)
		for key, value := range project.Services[name].Environment {
			t.Setenv(key, *value)
		}
		o, err := server.ProcessConfigFile("nats.conf")
		if err != nil {
			t.Fatal(err)
		}
		if o.ServerName != name {
			t.Errorf("%s calls itself %q", name, o.ServerName)
		}
		for j, route := range o.Routes {
			if want := fmt.Sprintf("nats%d:%d", j+1, o.Cluster.Port); route.Host != want {
				t.Errorf("%s has a route to %s, want %s", name, route.Host, want)
			}
		}
		o.Host, o.Port, o.HTTPPort = "127.0.0.1", server.RANDOM_PORT, -1
		o.Cluster.Host, o.Cluster.Port = "127.0.0.1", freePort(t)
		o.StoreDir, o.NoSigs, o.NoLog = t.TempDir(), true, true
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprint("127.0.0.1:", o.Cluster.Port)})
		if n == 1 {
			o.Cluster, o.Routes = server.ClusterOpts{}, nil
		}
		options = append(options, o)
	}
	for _, o := range options {
		if n > 1 {
			o.Routes = routes
		}
		s, err := server.NewServer(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			s.Shutdown()
			s.WaitForShutdown()
		})
		s.Start()
		c.servers = append(c.servers, s)
	}
	for _, s := range c.servers {
		if !s.ReadyForConnections(patience) {
			t.Fatal("a NATS server doesn't start")
		}
	}
	return c
}

// url is the address of a server of the cluster, with user and password.
func (c *cluster) url() string { return c.at(0) }

func (c *cluster) at(i int) string {
	return fmt.Sprintf("nats://rollcall:%s@%s", natsPassword, c.servers[i].Addr())
}

// The three servers start as compose.yaml starts them, on NATS servers as it starts those, and share one log.
func TestCompose(t *testing.T) {
	key, line := newKey(t)
	project := compose(t, line)
	nats := newCluster(t, 3)
	var servers []*rollcall
	for _, name := range []string{"rollcall1", "rollcall2", "rollcall3"} {
		service := project.Services[name]
		if service.Hostname != name {
			t.Errorf("%s has the host name %q", name, service.Hostname)
		}
		if health := strings.Join(service.HealthCheck.Test, " "); health != "CMD /rollcall health --ready" {
			t.Errorf("the health check of %s is %q", name, health)
		}
		env := strings.Join(variables(service), "\n")
		for i := range 3 {
			env = substitute(t, env, fmt.Sprintf("nats://rollcall:%s@nats%d:4222", natsPassword, i+1), nats.at(i))
		}
		args := substitute(t, strings.Join(service.Command, "\n"), ":9090", ":0")
		servers = append(servers, serve(t, strings.Split(env, "\n"), append(strings.Split(args, "\n"), "--node="+name)...))
	}
	publish(t, servers[0].url, key, "news", "for all")
	for _, s := range servers {
		eventually(t, "an event of one server at another", func() bool {
			return strings.Contains(string(get(t, s.url+"/lastEvent?channel=news", key)), "for all")
		})
	}
}

// What runs beside the servers has what they expect of it.
func TestComposeAround(t *testing.T) {
	project := compose(t, "name=…")
	for _, name := range []string{"rollcall1", "rollcall2", "rollcall3"} {
		service := project.Services[name]
		if build := filepath.Clean(service.Build.Context); build != root {
			t.Errorf("%s is built in %s, want %s", name, build, root)
		}
		if grace := service.StopGracePeriod.String(); grace != "45s" {
			t.Errorf("%s has %s to end, less than its shutdown timeout and some", name, grace)
		}
	}
	proxy := project.Services["proxy"]
	command := strings.Join(project.Services["rollcall1"].Command, " ")
	if address := proxy.Networks["events"].Ipv4Address; !strings.Contains(command, "--trusted-proxy "+address) {
		t.Errorf("the proxy is at %s, the servers' command line is %q", address, command)
	}
	for name := range strings.FieldsSeq(*proxy.Environment["UPSTREAMS"]) {
		service, port, _ := strings.Cut(name, ":")
		if _, ok := project.Services[service]; !ok || port != "9090" {
			t.Errorf("the proxy passes requests to %s, which is no server", name)
		}
	}
	if missing, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml"}}}); err == nil || !strings.Contains(err.Error(), "see README.md") {
		t.Errorf("without passwords it is %v, %v", missing, err)
	}
}
