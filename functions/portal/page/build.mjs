// Builds the page into ../site: one script, one style sheet, one icon, each with a hash of its content in its name, and
// the document that loads them. The same sources give the same bytes.
import {build} from 'esbuild'
import {createHash} from 'node:crypto'
import {mkdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {basename, join} from 'node:path'

const to = process.argv[2]
const assets = join(to, 'assets')
rmSync(to, {recursive: true, force: true})
mkdirSync(assets, {recursive: true})

const built = await build({
  entryPoints: {app: 'src/main.tsx'}, outdir: assets, entryNames: '[name]-[hash]', bundle: true, minify: true, write: true, metafile: true,
  format: 'esm', target: 'es2022', jsx: 'automatic', jsxImportSource: 'preact', charset: 'utf8', legalComments: 'none', logLevel: 'warning',
})
const names = Object.keys(built.metafile.outputs).map(name => basename(name))
const icon = readFileSync('src/icon.svg')
const iconName = `icon-${createHash('sha256').update(icon).digest('hex').slice(0, 8)}.svg`
writeFileSync(join(assets, iconName), icon)

const page = readFileSync('src/index.html', 'utf8')
  .replace('app.js', names.find(name => name.endsWith('.js')))
  .replace('app.css', names.find(name => name.endsWith('.css')))
  .replace('icon.svg', iconName)
writeFileSync(join(to, 'index.html'), page)
