package deploy

import (
	"cmp"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// values are what a user of the chart sets.
type values = map[string]any

// render is "helm template": the objects by kind and name, decoded with no unknown field.
func render(t *testing.T, set values) (map[string]any, error) {
	t.Helper()
	c := loadChart(t)
	all, err := chartutil.ToRenderValues(c, set, chartutil.ReleaseOptions{Name: "live", Namespace: "events", IsInstall: true}, nil)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(c, all)
	if err != nil {
		return nil, err
	}
	objects := map[string]any{}
	for name, text := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			objects["notes"] = text
			continue
		}
		for _, document := range strings.Split(text, "\n---\n") {
			if strings.TrimSpace(document) != "" {
				key, object := decode(t, document)
				if objects[key] != nil {
					t.Errorf("%s is there twice", key)
				}
				objects[key] = object
			}
		}
	}
	return objects, nil
}

func loadChart(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.Load(filepath.Join("helm", "rollcall"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// decode turns a document into an object of its kind.
func decode(t *testing.T, document string) (key string, object any) {
	t.Helper()
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct{ Name string }
	}
	if err := yaml.Unmarshal([]byte(document), &head); err != nil {
		t.Fatalf("%v in\n%s", err, document)
	}
	kinds := map[string]any{
		"apps/v1 Deployment":                      &apps.Deployment{},
		"apps/v1 StatefulSet":                     &apps.StatefulSet{},
		"autoscaling/v2 HorizontalPodAutoscaler":  &autoscaling.HorizontalPodAutoscaler{},
		"networking.k8s.io/v1 Ingress":            &networking.Ingress{},
		"policy/v1 PodDisruptionBudget":           &policy.PodDisruptionBudget{},
		"v1 ConfigMap":                            &core.ConfigMap{},
		"v1 Service":                              &core.Service{},
		"v1 ServiceAccount":                       &core.ServiceAccount{},
		"monitoring.coreos.com/v1 ServiceMonitor": &map[string]any{}, // not one of Kubernetes' own
	}
	object, ok := kinds[head.APIVersion+" "+head.Kind]
	if !ok {
		t.Fatalf("%s %s is not a kind that the chart should make", head.APIVersion, head.Kind)
	}
	if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
		t.Errorf("%s: %v in\n%s", head.Kind, err, document)
	}
	return head.Kind + " " + head.Metadata.Name, object
}

// podOf is the pod that the chart makes.
func podOf(t *testing.T, objects map[string]any) core.PodSpec {
	t.Helper()
	switch object := cmp.Or(objects["Deployment live"], objects["StatefulSet live"]).(type) {
	case *apps.Deployment:
		return object.Spec.Template.Spec
	case *apps.StatefulSet:
		return object.Spec.Template.Spec
	}
	t.Fatalf("no Deployment and no StatefulSet among %v", slices.Sorted(maps.Keys(objects)))
	panic("unreachable")
}

func TestHelmLint(t *testing.T) {
	for _, message := range lint.All(filepath.Join("helm", "rollcall"), nil, "events", true).Messages {
		if !strings.Contains(message.Err.Error(), "icon is recommended") {
			t.Error(message)
		}
	}
}

// What the chart makes, with which settings, and that the server starts as its pod would start it.
func TestHelmChart(t *testing.T) {
	key, line := newKey(t)
	nats := newCluster(t, 1)
	always := []string{"ConfigMap live", "PodDisruptionBudget live", "Service live", "Service live-admin", "ServiceAccount live", "notes"}
	for name, c := range map[string]struct {
		set  values
		more []string // beside what is always there
	}{
		"as it is":    {nil, []string{"Deployment live"}},
		"on a volume": {values{"persistence": values{"enabled": true, "storageClass": "fast"}}, []string{"StatefulSet live"}},
		"all of it": {values{
			"config":      values{"nats": []any{nats.url()}, "nats-replicas": 1, "cors-origin": []any{"https://a.example.org"}, "tls-dev": true},
			"autoscaling": values{"enabled": true}, "serviceMonitor": values{"enabled": true, "labels": values{"release": "prometheus"}},
			"ingress":     values{"enabled": true, "tlsSecret": "events-tls"},
			"tolerations": []any{values{"key": "x", "operator": "Exists"}}, "nodeSelector": values{"disk": "fast"},
			"affinity": values{"podAntiAffinity": values{}}, "podAnnotations": values{"a": "b"}, "imagePullSecrets": []any{values{"name": "pull"}},
			"topologySpreadConstraints": []any{values{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}},
			"extraEnv":                  []any{values{"name": "ROLLCALL_LOG_LEVEL", "value": "debug"}},
			"extraVolumes":              []any{values{"name": "tls", "secret": values{"secretName": "tls"}}},
			"extraVolumeMounts":         []any{values{"name": "tls", "mountPath": "/tls"}},
			"serviceAccount":            values{"create": true, "annotations": values{"c": "d"}},
			"service":                   values{"type": "LoadBalancer", "annotations": values{"e": "f"}},
		}, []string{"Deployment live", "HorizontalPodAutoscaler live", "Ingress live", "ServiceMonitor live"}},
	} {
		t.Run(name, func(t *testing.T) {
			objects, err := render(t, c.set)
			if err != nil {
				t.Fatal(err)
			}
			want := slices.Sorted(slices.Values(append(c.more, always...)))
			if got := slices.Sorted(maps.Keys(objects)); !slices.Equal(got, want) {
				t.Errorf("the chart makes %q, want %q", got, want)
			}
			pod := podOf(t, objects)
			container := pod.Containers[0]
			if grace := *pod.TerminationGracePeriodSeconds; grace != 45 {
				t.Errorf("the pod is given %d s to end; preStop takes 5, the server 30", grace)
			}
			scheme := "HTTP"
			if name == "all of it" {
				scheme = "HTTPS"
			}
			for path, probe := range map[string]*core.Probe{"/healthz": container.LivenessProbe, "/readyz": container.ReadinessProbe} {
				if get := probe.HTTPGet; get.Path != path || max(string(get.Scheme), "HTTP") != scheme || get.Port.StrVal != "http" {
					t.Errorf("a probe asks %s %s, want %s %s", get.Scheme, get.Path, scheme, path)
				}
			}
			if ref := container.EnvFrom[0].SecretRef.Name; ref != "rollcall" {
				t.Errorf("the secrets are those of %q", ref)
			}

			// The pod's files are elsewhere here, and the ports free ones.
			config := write(t, "rollcall.yaml", objects["ConfigMap live"].(*core.ConfigMap).Data["rollcall.yaml"])
			args := substitute(t, strings.Join(container.Args, "\n"), "/etc/rollcall/rollcall.yaml", config, ":9090", ":0", ":9091", ":0")
			if name == "on a volume" {
				args = substitute(t, args, "=/data", "="+t.TempDir())
			}
			env := []string{"ROLLCALL_API_KEY=" + line, "ROLLCALL_JWT_SECRET=" + secret}
			for _, v := range container.Env {
				env = append(env, v.Name+"="+v.Value)
			}
			s := serve(t, env, strings.Split(args, "\n")...)
			if name != "all of it" { // that one has TLS
				publish(t, s.url, key, "helm", name)
			}
		})
	}
}

// What could not work is refused before it is in a cluster.
func TestHelmRefuses(t *testing.T) {
	for want, set := range map[string]values{
		"only through NATS":             {"replicas": 2},
		"set config.nats, or one":       {"autoscaling": values{"enabled": true}},
		"on a volume or in NATS":        {"persistence": values{"enabled": true}, "config": values{"nats": "nats://n:4222"}},
		"nobody without credentials":    {"existingSecret": ""},
		"config.listen: the chart sets": {"config": values{"listen": ":80"}},
		"config.data: the chart sets":   {"config": values{"data": "/data"}},
		"replicaCount":                  {"replicaCount": 3},
		"shutdownSeconds":               {"shutdownSeconds": "30s"},
		"maxReplica":                    {"autoscaling": values{"maxReplica": 3}},
	} {
		if _, err := render(t, set); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want one about %q", set, err, want)
		}
	}
	if _, err := render(t, values{"existingSecret": "", "config": values{"jwks-url": "https://id.example.org/jwks"}}); err != nil {
		t.Errorf("with a key set in place of a Secret: %v", err)
	}
}

// The chart's README speaks of values that there are.
func TestHelmReadme(t *testing.T) {
	var set values
	if err := yaml.Unmarshal([]byte(read(t, "helm", "rollcall", "values.yaml")), &set); err != nil {
		t.Fatal(err)
	}
	first := regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllStringSubmatch(read(t, "helm", "rollcall", "README.md"), -1)
	if len(first) < 8 {
		t.Fatalf("README.md has the rows %q", first)
	}
	for _, row := range first {
		for name := range strings.SplitSeq(strings.ReplaceAll(row[1], "`", ""), ", ") {
			top, below, nested := strings.Cut(name, ".")
			inner, _ := set[top].(values)
			if _, ok := set[top]; !ok || nested && top != "config" && inner[below] == nil {
				t.Errorf("README.md speaks of %s, which is no value", name)
			}
		}
	}
}
