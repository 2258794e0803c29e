import express from 'express'
import mongoose, { Schema } from 'mongoose'
import { serveAsChild } from '../child.ts'

// What one writes after reading the two libraries' own guides: the batch as it came, through the schema, into the collection. It asks nobody's
// consent, drops nothing, knows no event again and works nothing out of them. Durable as ours is: written by a majority and in its journal, which
// is what MongoDB does for who says nothing.

const eventSchema = new Schema({
  type: String,
  messageId: String,
  userId: String,
  event: String,
  properties: Schema.Types.Mixed,
  context: Schema.Types.Mixed,
  timestamp: Date,
  receivedAt: { type: Date, default: Date.now },
})
eventSchema.index({ userId: 1, receivedAt: 1 })
const EventModel = mongoose.model('Event', eventSchema, 'events')

interface Body {
  readonly batch: readonly object[]
}

await mongoose.connect(process.env['MONGODB_URI'] ?? '', { maxPoolSize: 50, writeConcern: { w: 'majority', journal: true } })
await EventModel.init()
const app = express()
app.use(express.json({ limit: '500kb' }))
app.post('/v1/batch', async (request, response) => {
  const { batch }: Body = request.body
  await EventModel.insertMany(batch)
  response.json({ success: true })
})
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address()
  serveAsChild(typeof address === 'object' && address !== null ? address.port : 0, async () => {
    server.close()
    await mongoose.disconnect()
  })
})
