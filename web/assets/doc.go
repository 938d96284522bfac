// Package assets has the styles and scripts of the server's own pages, compressed once and served with their hashes as ETags.
package assets
