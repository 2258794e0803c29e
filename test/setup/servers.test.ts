import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import { expect, inject, test } from 'vitest'

test('the data base for tests runs transactions', async () => {
  const client = await MongoClient.connect(inject('mongodbUri'))
  try {
    const rows = client.db('setup').collection<{ _id: number }>('rows')
    await client.withSession((session) => session.withTransaction(() => rows.insertOne({ _id: 1 }, { session })))
    expect(await rows.countDocuments()).toBe(1)
    await client.db('setup').dropDatabase()
  } finally {
    await client.close()
  }
})

test('Redis for tests takes a value once', async () => {
  const redis = new Redis(inject('redisUrl'))
  try {
    await redis.set('setup:once', 'taken')
    expect([await redis.getdel('setup:once'), await redis.getdel('setup:once')]).toEqual(['taken', null])
  } finally {
    redis.disconnect()
  }
})

test('the browser for tests runs', async () => {
  const { stdout } = await promisify(execFile)(inject('chromium'), ['--version'])
  expect(stdout).toMatch(/Chrom/)
})
