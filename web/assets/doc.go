// Package assets serves the styles and scripts of the server's own pages, compressed once, with their hashes as ETags.
package assets
