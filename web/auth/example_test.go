package auth_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"rollcall/web/auth"
)

// What a server does with a request.
func Example() {
	text, key, err := auth.NewKey("billing", auth.Publish|auth.History, auth.Patterns{orders})
	if err != nil {
		log.Fatal(err)
	}
	a, err := auth.New(auth.Options{Keys: []auth.Key{key}})
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/publish", nil)
	r.Header.Set("Authorization", "Bearer "+text)
	grant, err := a.Authenticate(r)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(grant.Kind, grant.Name, grant.MayPublish("orders.1"), grant.MaySubscribe("orders.1"), grant.MayPublish("users.1"))
	// Output: key billing true false false
}

var orders = must(auth.ParsePattern("orders.>"))
