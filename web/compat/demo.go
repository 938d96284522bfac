package compat

import (
	"net/http"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"rollcall/templates"
	"rollcall/web/reply"
)

// demoPages are the demonstration pages of the compatibility APIs, by path.
var demoPages = map[string]func(templates.DemoView) templ.Component{
	"/demo":               templates.Demo,
	"/demo/chat":          templates.DemoChat,
	"/demo/answers":       templates.DemoAnswers,
	"/demo/notifications": templates.DemoNotifications,
	"/demo/time":          templates.DemoTime,
}

// demoRoutes serves the demo pages to everybody: the API that they use checks rights.
func (s *Compat) demoRoutes(e *gin.Engine) {
	for path, show := range demoPages {
		for _, slash := range []string{"", "/"} {
			e.Match(reply.ReadMethods, path+slash, func(c *gin.Context) {
				s.pages.Send(c, http.StatusOK, show(templates.DemoView{Version: s.opts.Version, BaseURL: s.gate.BaseURL(c.Request), Admin: s.opts.Admin}))
			})
		}
	}
}
