# Rollcall: "make run" starts it, "make test" tests it. "make" lists the rest.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
BIN     := bin/rollcall

# The files written by hand, which gofmt checks.
SOURCES = $(shell find . -name '*.go' -not -name '*_templ.go' -not -path '*/node_modules/*')

# The browser tests use the first of these that is installed.
BROWSER = $(shell for b in chromium chromium-browser google-chrome google-chrome-stable; do command -v $$b && break; done)

.PHONY: help run demo build check formatted test test-browser-found test-compiled test-server test-clients test-deploy torture recovery rolling soak fuzz notices screenshots bench bench-peers lint fmt generate clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: build ## start the server on http://127.0.0.1:9090/ (ARGS="--heartbeat 5s" adds flags)
	@exec $(BIN) serve $(ARGS)

demo: ## the server with simulated traffic, for developing pages (ARGS="-people 30")
	@mkdir -p bin && $(GO) build -trimpath -o bin/demo ./cmd/demo && exec bin/demo $(ARGS)

build: ## build bin/rollcall
	$(GO) build -trimpath -tags nomsgpack -ldflags '-s -w -X main.version=$(VERSION)' -o $(BIN) ./cmd/rollcall

# Many tests wait for a timer, so more of them run at once than there are processors.
check: formatted ## the inner loop, in less than a minute: formatting, go vet, staticcheck, and tests without processes and NATS
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) test -short -parallel 16 $$($(GO) list ./... | grep -Ev '/cmd/rollcall(/bench.*|/doctor)?$$|/hub/jetlog')
	$(GO) test -short -run 'Imports|DocFile|Config|Options' ./cmd/rollcall

# All at once, because many tests wait for timers and processes; the server's come last in the output.
test: test-browser-found test-compiled ## run every test, with the race detector
	@mkdir -p bin && echo "testing; what the server's tests print goes to bin/test.out first"
	@$(MAKE) --no-print-directory -j3 -Otarget test-clients test-deploy test-server; status=$$?; cat bin/test.out; exit $$status

# Linking without debug information takes half the time; stack traces need none. Three packages at once keep two processors busy.
test-server:
	@echo "GORACE=atexit_sleep_ms=0 $(GO) test -race -ldflags=-w -p 3 -timeout 10m ./..." > bin/test.out
	@GORACE=atexit_sleep_ms=0 $(GO) test -race -ldflags=-w -p 3 -timeout 10m ./... >> bin/test.out 2>&1

# First, so that no test runs beside a compiler.
test-compiled:
	@$(GO) list -race -test -deps -export ./... >/dev/null
	@if [ -d web/clients ]; then cd web/clients && $(GO) list -race -test -deps -export . >/dev/null; fi
	@if [ -d docs/deploy ]; then cd docs/deploy && $(GO) list -gcflags='all=-N -l' -test -deps -export . >/dev/null; fi

test-browser-found:
	@if [ -n "$(BROWSER)" ]; then :; \
	elif [ "$(CI)" = true ]; then echo "no Chromium found: the browser tests cannot run" >&2; exit 1; \
	else echo "no Chromium found: skipping the browser tests (on Debian: apt-get install chromium)"; fi

# The tests with independent SSE clients are a module of their own, so that the server's go.mod does not require the clients.
test-clients:
	@if command -v node >/dev/null; then echo "node --test web/client/*.test.js" && node --test --test-reporter=dot web/client/*.test.js; \
	elif [ "$(CI)" = true ]; then echo "no node found: the browser module's tests cannot run" >&2; exit 1; \
	else echo "no node found: skipping the browser module's tests"; fi
	@if [ -d web/clients ]; then echo "cd web/clients && $(GO) test -race" && cd web/clients && GORACE=atexit_sleep_ms=0 $(GO) test -race -ldflags=-w -timeout 10m; fi

# So are the tests of the examples in docs/deploy, with Helm, Compose and others. Without optimisation they compile in half the time.
test-deploy:
	@if [ -d docs/deploy ]; then echo "cd docs/deploy && $(GO) test" && cd docs/deploy && $(GO) test -vet=all -gcflags='all=-N -l' -timeout 10m; fi

torture: ## attack real servers with faults, and check the clients' observations (FOR=2h SEED=7 ENGINE=memory|data|scarce|tls|nats)
	ROLLCALL_TORTURE_FOR=$(or $(FOR),10m) ROLLCALL_TORTURE_SEED=$(SEED) ROLLCALL_TORTURE_ENGINE=$(ENGINE) \
		$(GO) test -race -count=1 -v -timeout 0 -run 'TestTorture$$' ./cmd/rollcall

recovery: ## measure the time to recover from each fault, and print a table (TIMES=5 ENGINE=memory|data|tls|nats)
	@ROLLCALL_RECOVERY=$(or $(TIMES),5) ROLLCALL_TORTURE_ENGINE=$(ENGINE) $(GO) test -count=1 -v -timeout 0 -run 'TestRecovery$$' ./cmd/rollcall

rolling: ## restart two servers one after the other under EventSources, behind nginx and over TLS (STREAMS=2000)
	ROLLCALL_ROLLING_STREAMS=$(or $(STREAMS),2000) $(GO) test -count=1 -v -timeout 20m -parallel 1 -run 'TestRollingRestart(BehindNginx|OverTLS)$$' ./cmd/rollcall

soak: build ## run two servers under churn, sample them, and say whether they grow (FOR=60m STREAMS=5000); bin/soak.svg is the plot
	$(GO) build -trimpath -o bin/soak ./cmd/soak
	ulimit -n $$(ulimit -Hn); bin/soak -for $(or $(FOR),60m) -streams $(or $(STREAMS),5000) -csv bin/soak.csv -svg bin/soak.svg

# Go keeps the corpus in its cache, and an input that fails in the package's testdata.
fuzz: ## run each fuzz test for a while (FOR=10m)
	@grep -rn --include='*_test.go' --exclude-dir=node_modules -o '^func Fuzz[A-Za-z0-9]*' . | sed 's|/[^/]*:[0-9]*:func | |' | while read -r package name; do \
		echo "$$package $$name" && $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(or $(FOR),10m) "$$package" </dev/null || exit 1; \
	done

notices: ## the licences of everything in the binary, into bin/package/THIRD-PARTY-NOTICES
	@mkdir -p bin/package && $(GO) list -deps -tags nomsgpack -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' \
		./cmd/rollcall | LC_ALL=C sort -u | while read -r module version dir; do \
		printf '%s\n%s %s\n\n' "$$(printf '=%.0s' $$(seq 80))" "$$module" "$$version"; \
		find "$$dir" -maxdepth 1 -type f \( -iname 'LICEN[CS]E*' -o -iname 'COPYING*' -o -iname 'NOTICE*' \) | sort | xargs cat; \
	done > bin/package/THIRD-PARTY-NOTICES
	@printf '%s\nGo, its runtime and standard library\n\n' "$$(printf '=%.0s' $$(seq 80))" >> bin/package/THIRD-PARTY-NOTICES
	@cat "$$($(GO) env GOROOT)/LICENSE" >> bin/package/THIRD-PARTY-NOTICES

screenshots: ## photograph every page of the dashboard under the demo, and the demo pages, into bin/screenshots
	@mkdir -p bin/screenshots && cd web/clients && SCREENSHOTS=$(CURDIR)/bin/screenshots $(GO) test -run 'Screenshots$$' -count=1 -v -timeout 10m

bench: ## run the Go benchmarks ("rollcall bench" measures a running server)
	$(GO) test -run '^$$' -bench . -benchmem -timeout 30m ./...

bench-peers: ## measure Rollcall beside nginx's Nchan (installs both from Debian's packages)
	cmd/rollcall/bench/peers/bench-peers.sh $(ARGS)

formatted:
	@list=$$(gofmt -l $(SOURCES)); if [ -n "$$list" ]; then echo "not formatted (make fmt formats it):" $$list >&2; exit 1; fi

# Vet and staticcheck look at the code as the tests compile it, so that nothing is compiled twice. Deadcode checks the types of
# everything first, which takes a sixth of a build; unreachable functions on other systems are no error.
lint: formatted ## check formatting, go vet, staticcheck, dead code, other systems' types and that the generated code is current
	$(GO) vet -race ./...
	GOFLAGS="$$($(GO) env GOFLAGS) -race" $$($(GO) tool -n staticcheck) ./...
	@dead=$$($$($(GO) tool -n deadcode) -test ./...) || exit 1; if [ -n "$$dead" ]; then echo "never called:" >&2; echo "$$dead" >&2; exit 1; fi
	GOOS=darwin $$($(GO) tool -n deadcode) ./cmd/rollcall >/dev/null
	GOOS=windows $$($(GO) tool -n deadcode) ./cmd/rollcall >/dev/null
	$(GO) tool templ generate -check -log-level warn
	@if [ -d web/clients ]; then echo "cd web/clients && $(GO) vet -race ./..." && cd web/clients && $(GO) vet -race ./...; fi

fmt: ## format the Go code and the templates
	gofmt -w $(SOURCES)
	$(GO) tool templ fmt templates

generate: ## turn the templates into Go code, and the flags' help into docs/configuration.md
	$(GO) tool templ generate
	$(GO) generate ./cmd/rollcall

clean: ## remove what was built
	rm -rf bin
