package admin

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"rollcall/templates"
	"rollcall/web/reply"
)

// auditPage paints /admin/audit.
func (a *Admin) auditPage(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "audit"
	search := strings.TrimSpace(v.query.Get("q"))
	page, _ := strconv.Atoi(v.query.Get("page"))
	page = max(page, 1)
	return func() renderedPage {
		_, total := a.audit.list(search, 0, 0)
		page := min(page, max((total+pageRows-1)/pageRows, 1))
		deeds, total := a.audit.list(search, (page-1)*pageRows, pageRows)
		view := templates.AuditView{AdminFrame: v.frame, Query: search, Kept: "The newest " + grouped(auditLen) + " entries are kept, and " + grouped(anonymousLen) + " of those who were not logged in, until the server ends.",
			Download: Path + "/audit.jsonl", Pager: pager(v.query, Path+"/audit", page, total, len(deeds))}
		for _, d := range deeds {
			row := templates.AuditRow{
				Key: fmt.Sprintf("deed-%d", d.Seq), At: d.At, User: d.User, Address: d.Addr, Action: d.Action, Target: d.Target,
				Result: d.Result, Detail: d.Detail,
			}
			row.Tone = map[string]string{"ok": "ok", "refused": "warn", "failed": "bad"}[d.Result]
			switch kind, _, _ := strings.Cut(d.Action, "."); {
			case d.Target == "":
			case kind == "client":
				row.Href = adminLink("clients", d.Target)
			case kind == "channel":
				row.Href = adminLink("channels", d.Target)
			}
			view.Rows = append(view.Rows, row)
		}
		return renderedPage{body: templates.Audit(view), parts: view.Fragments()}
	}, nil
}

// auditLines answers GET /admin/audit.jsonl.
func (a *Admin) auditLines(c *gin.Context) {
	c.Header("Content-Type", "application/jsonl; charset=utf-8")
	c.Header("Content-Disposition", `attachment; filename="rollcall-audit.jsonl"`)
	c.Header("X-Content-Type-Options", "nosniff")
	c.Status(http.StatusOK)
	if err := a.audit.write(c.Writer); err != nil {
		a.opts.Log.Debug("the audit log could not be sent completely", "error", err)
	}
}
