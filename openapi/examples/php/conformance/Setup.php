<?php

declare(strict_types=1);

namespace Copilot\Conformance;

use Copilot\CollectClient;
use Copilot\ConsentClient;
use Copilot\Credentials;
use Copilot\Json;
use GuzzleHttp\Client;
use RuntimeException;
use stdClass;

/** The clients, the vectors, the sandbox and the report. */
final class Setup
{
    /** @param resource $report */
    private function __construct(
        public readonly string $endpoint,
        public readonly CollectClient $collect,
        public readonly ConsentClient $consent,
        private readonly string $vectors,
        private readonly Client $sandbox,
        private readonly mixed $report,
    ) {
    }

    public static function fromEnvironment(): self
    {
        $set = static fn (string $name): string => getenv("COPILOT_$name")
            ?: throw new RuntimeException("COPILOT_$name is not set");
        $credentials = new Credentials($set('CLIENT_ID'), $set('CLIENT_SECRET'));
        $endpoint = $set('CLIENT_COLLECT_ENDPOINT');
        return new self(
            $endpoint,
            new CollectClient($endpoint, $credentials),
            new ConsentClient($set('CLIENT_CONSENT_ENDPOINT'), $credentials),
            $set('VECTORS'),
            new Client(['base_uri' => $set('SANDBOX_URL')]),
            fopen($set('REPORT'), 'wb'),
        );
    }

    /** @return list<string> the names of the files of events, from the folder of the vectors */
    public function eventFiles(): array
    {
        $paths = glob("$this->vectors/events/*.json") ?: throw new RuntimeException('there are no events');
        return array_map(static fn (string $path): string => 'events/' . basename($path), $paths);
    }

    public function vectors(string $file): stdClass
    {
        return Json::decode((string) file_get_contents("$this->vectors/$file"));
    }

    /** @param array<string, mixed> $line */
    public function report(array $line): void
    {
        fwrite($this->report, Json::encode($line) . "\n");
    }

    /** Calls the sandbox's own API. */
    public function sandbox(string $method, string $path, mixed $body = null): mixed
    {
        $options = $body === null
            ? []
            : ['body' => Json::encode($body), 'headers' => ['Content-Type' => 'application/json']];
        $answer = (string) $this->sandbox->request($method, "/_sandbox/$path", $options)->getBody();
        return $answer === '' ? null : Json::decode($answer);
    }
}
