package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gin-gonic/gin"

	"rollcall/web"
	"rollcall/web/auth"
)

// An application in Gin authenticates its users in its own middleware. Rollcall serves every path for which the
// application has no route, and uses its sessions.
func Example_gin() {
	type userKey struct{}
	rollcall, err := web.New(web.Options{Access: &auth.Options{
		Session: func(r *http.Request) (*auth.Session, error) {
			user, ok := r.Context().Value(userKey{}).(string)
			if !ok {
				return nil, nil
			}
			channels, err := auth.ParsePatterns("room.>")
			return &auth.Session{User: user, Subscribe: channels, Publish: channels}, err
		},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rollcall.Close()

	gin.SetMode(gin.ReleaseMode)
	app := gin.New()
	app.Use(func(c *gin.Context) {
		if name, password, ok := c.Request.BasicAuth(); ok && password == "correct horse" { // stands for the application's login
			c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), userKey{}, name))
		}
	})
	app.GET("/hello", func(c *gin.Context) { c.String(http.StatusOK, "the application's own") })
	app.NoRoute(gin.WrapH(rollcall.Handler()))
	server := httptest.NewUnstartedServer(app)
	server.Config.ConnContext = web.ConnContext
	server.Start()
	defer server.Close()

	ask := func(method, path, body, user string) string {
		req, err := http.NewRequest(method, server.URL+path, strings.NewReader(body))
		if err != nil {
			return err.Error()
		}
		if user != "" {
			req.SetBasicAuth(user, "correct horse")
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err.Error()
		}
		defer res.Body.Close()
		return res.Status
	}
	fmt.Println(ask("GET", "/hello", "", ""))
	fmt.Println(ask("GET", "/history?channel=room.1", "", ""))
	fmt.Println(ask("GET", "/history?channel=room.1", "", "ann"))
	fmt.Println(ask("POST", "/publish", `{"events":[{"channelName":"room.1","type":"message","payload":"hi"}]}`, "ann"))
	fmt.Println(ask("POST", "/publish", `{"events":[{"channelName":"news","type":"message","payload":"hi"}]}`, "ann"))
	// Output:
	// 200 OK
	// 401 Unauthorized
	// 200 OK
	// 200 OK
	// 403 Forbidden
}
