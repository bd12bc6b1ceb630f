// Which rows are measured, one after the other.

/**
 * Measures the rows in `asked`, or all, and those in `more`. `measures` is name
 * to a function that gives `{ row, note }`; what the notes say of the rows goes
 * to standard error.
 */
export async function collect(measures, asked = Object.keys(measures), more = {}) {
  const unknown = asked.filter((name) => !(name in measures))
  if (unknown.length > 0) throw new Error(`no row is called ${unknown.join(', ')}; there are ${Object.keys(measures).join(', ')}`)
  const rows = []
  const wanted = { ...Object.fromEntries(asked.map((name) => [name, measures[name]])), ...more }
  for (const measure of Object.values(wanted)) {
    const { row, note } = await measure()
    rows.push(row)
    if (note) console.error(note)
  }
  return rows
}
