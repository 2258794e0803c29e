import { MongoClient } from 'mongodb'
import { fill, type PeerRow } from './filling.ts'
import { eventsOfEach } from './histories.ts'

// A process of its own, which runs beside the database and not on its core: `fill.js <database> <database of the peer> <people> <until>`.
const [ours = '', theirs = '', people, until] = process.argv.slice(2)
await using client = await MongoClient.connect(process.env['MONGODB_URI'] ?? '')
const began = performance.now()
await fill({ ours: client.db(ours), theirs: client.db(theirs).collection<PeerRow>('customers') }, 0, Number(people), Number(until))
await client.db('admin').command({ fsync: 1 })
const seconds = (performance.now() - began) / 1000
const events = Number(people) * eventsOfEach
const { user, system } = process.cpuUsage()
console.log(`Filled: ${people} people and ${events} events in ${seconds.toFixed(1)} s, ${((user + system) / 1e6).toFixed(1)} s of them processor time here.`)
