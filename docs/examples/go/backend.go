// A backend for Rollcall, with nothing but Go's standard library: go run . See ../README.md.
package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// object is a JSON object.
type object = map[string]any

// app is the application. Its maps are what a real one has in a database.
type app struct {
	mu       sync.Mutex
	sessions map[string]string          // session cookie → user
	viewers  map[string]map[string]bool // document's channel → clientIds, as the webhooks say
}

func mayRead(user string) object {
	return object{"subscribe": []string{"orders." + user, "documents.*"}}
}

func sign(key, text []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	return mac.Sum(nil)
}

// token mints a token: a JWT, signed with HS256, that names the client and its channels.
func token(user string) string {
	claims, _ := json.Marshal(object{"sub": user, "exp": time.Now().Unix() + 600, "channels": mayRead(user), "info": object{"name": user}})
	part := base64.RawURLEncoding.EncodeToString
	text := part([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + part(claims)
	return text + "." + part(sign([]byte(os.Getenv("ROLLCALL_JWT_SECRET")), []byte(text)))
}

// authorize answers an authorize: who is it, and what may it read?
func (a *app) authorize(w http.ResponseWriter, r *http.Request) {
	var question struct{ Cookies map[string]string }
	if json.NewDecoder(r.Body).Decode(&question) != nil {
		http.Error(w, "no question", http.StatusBadRequest)
		return
	}
	user := a.user(question.Cookies["session"])
	if user == "" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Cache-Control", "max-age=5")
	answer(w, object{"clientId": user, "channels": mayRead(user), "info": object{"name": user}, "expires": time.Now().Unix() + 600})
}

// verified verifies a webhook (https://www.standardwebhooks.com): one of the signatures must be ours, and not old.
func verified(h http.Header, body []byte) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(os.Getenv("WEBHOOK_SECRET"), "whsec_"))
	at, err2 := strconv.ParseInt(h.Get("Webhook-Timestamp"), 10, 64)
	if err != nil || err2 != nil || time.Since(time.Unix(at, 0)).Abs() > 5*time.Minute {
		return false
	}
	text := fmt.Appendf(nil, "%s.%d.%s", h.Get("Webhook-Id"), at, body)
	want := "v1," + base64.StdEncoding.EncodeToString(sign(key, text))
	return slices.ContainsFunc(strings.Fields(h.Get("Webhook-Signature")), func(got string) bool {
		return hmac.Equal([]byte(got), []byte(want))
	})
}

// webhook notes who views a document. A message may come twice, always in order: a set does not mind.
func (a *app) webhook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	var message struct {
		Events []struct{ Type, ClientID, ChannelName string }
	}
	if err != nil || !verified(r.Header, body) || json.Unmarshal(body, &message) != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range message.Events {
		if !strings.HasPrefix(e.ChannelName, "documents.") {
			continue
		}
		if a.viewers[e.ChannelName] == nil {
			a.viewers[e.ChannelName] = map[string]bool{}
		}
		switch e.Type {
		case "member.joined":
			a.viewers[e.ChannelName][e.ClientID] = true
		case "member.left":
			delete(a.viewers[e.ChannelName], e.ClientID)
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// notify publishes until it is acknowledged: the key makes it one event, however often it is sent within two minutes.
func notify(ctx context.Context, user, order, state string) (any, error) {
	body, err := json.Marshal(object{"events": []object{{
		"channelName": "orders." + user, "type": "order", "payload": object{"order": order, "state": state}, "idempotencyKey": "order-" + order + "-" + state,
	}}})
	for attempt := 0; err == nil && attempt < 5; attempt++ {
		bounded, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		req, _ := http.NewRequestWithContext(bounded, http.MethodPost, os.Getenv("ROLLCALL_SERVER")+"/publish", bytes.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+os.Getenv("ROLLCALL_KEY"))
		if res, err := http.DefaultClient.Do(req); err == nil { // else the connection broke: sending it again is safe
			var got struct{ Events []any }
			err = json.NewDecoder(res.Body).Decode(&got)
			res.Body.Close()
			switch {
			case err == nil && res.StatusCode == http.StatusOK && len(got.Events) == 1:
				return got.Events[0], nil
			case res.StatusCode < 500 && res.StatusCode != http.StatusTooManyRequests:
				return nil, fmt.Errorf("refused: %s", res.Status)
			}
		}
		time.Sleep(100 * time.Millisecond << attempt)
	}
	return nil, cmp.Or(err, fmt.Errorf("Rollcall does not answer"))
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func (a *app) user(session string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sessions[session]
}

// asUser serves requests of logged-in users.
func (a *app) asUser(next func(w http.ResponseWriter, r *http.Request, user string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie("session")
		if err != nil || a.user(cookie.Value) == "" {
			http.Error(w, `{"error":"log in first"}`, http.StatusUnauthorized)
			return
		}
		next(w, r, a.user(cookie.Value))
	}
}

func main() {
	a := &app{sessions: map[string]string{}, viewers: map[string]map[string]bool{}}
	http.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) { // for the example: everybody is who they say
		session := rand.Text()
		a.mu.Lock()
		a.sessions[session] = r.FormValue("user")
		a.mu.Unlock()
		http.SetCookie(w, &http.Cookie{Name: "session", Value: session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
		answer(w, object{})
	})
	http.HandleFunc("GET /token", a.asUser(func(w http.ResponseWriter, _ *http.Request, user string) {
		answer(w, object{"token": token(user)})
	}))
	http.HandleFunc("POST /authorize", a.authorize)
	http.HandleFunc("POST /webhooks", a.webhook)
	http.HandleFunc("POST /orders/{order}", a.asUser(func(w http.ResponseWriter, r *http.Request, user string) {
		var change struct{ State string }
		if json.NewDecoder(r.Body).Decode(&change) != nil {
			http.Error(w, `{"error":"no state"}`, http.StatusBadRequest)
			return
		}
		event, err := notify(r.Context(), user, r.PathValue("order"), change.State)
		if err != nil {
			http.Error(w, `{"error":"not published"}`, http.StatusBadGateway)
			return
		}
		answer(w, event)
	}))
	http.HandleFunc("GET /documents/{id}/viewers", func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		list := slices.Sorted(maps.Keys(a.viewers["documents."+r.PathValue("id")]))
		a.mu.Unlock()
		answer(w, object{"viewers": append([]string{}, list...)})
	})
	l, err := net.Listen("tcp", "127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "3000"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", l.Addr())
	log.Fatal(http.Serve(l, nil))
}
