package admin

import (
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
	page = min(max(page, 1), auditLen)
	size := pageSize(v.query)
	all := a.newAuditPages()
	return func() renderedPage {
		_, total := all.list(search, 0, page*size)
		page := min(page, lastPage(total, size))
		deeds, total := all.list(search, (page-1)*size, size)
		view := templates.AuditView{
			AdminFrame: v.frame, Query: search, Kept: a.auditScope(), Clustered: a.node.Cluster != nil,
			Download: Path + "/audit.jsonl", Pager: pager(v.query, Path+"/audit", page, size, total, len(deeds)),
		}
		for _, d := range deeds {
			row := templates.AuditRow{
				Key: d.key(a.node.Name()), Server: d.server, At: d.At, User: d.User, Address: d.Addr, Action: d.Action, Target: d.Target,
				Result: d.Result, Detail: d.Detail,
			}
			row.Tone = map[string]string{"ok": "ok", "refused": "warn", "failed": "bad"}[d.Result]
			row.Href = targetHref(d.Action, d.Target)
			view.Rows = append(view.Rows, row)
		}
		return renderedPage{body: templates.Audit(view), parts: view.Fragments()}
	}, nil
}

// auditScope says which entries the page has.
func (a *Admin) auditScope() string {
	until := ", until the server ends."
	if a.opts.Audit != "" {
		until = ", also from before a restart."
	}
	if a.node.Cluster != nil {
		return "The newest " + grouped(mostAudited) + " entries of each server. The download has all of this server" + until
	}
	return "The newest " + grouped(auditLen) + " entries, and " + grouped(anonymousLen) + " without a login" + until
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
