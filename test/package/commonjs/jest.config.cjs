module.exports = {
  transform: { '^.+\\.(t|j)s$': 'ts-jest' },
  transformIgnorePatterns: ['/node_modules/(?!(twinkey|jose|@noble)/)'],
}
