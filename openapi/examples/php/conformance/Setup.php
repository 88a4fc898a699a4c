<?php

declare(strict_types=1);

namespace Copilot\Conformance;

use Copilot\CollectClient;
use Copilot\ConsentClient;
use Copilot\Credentials;
use Copilot\Endpoint;
use Copilot\Http;
use Copilot\Json;
use GuzzleHttp\Client;
use GuzzleHttp\Exception\TransferException;
use GuzzleHttp\Psr7\Uri;
use InvalidArgumentException;
use RuntimeException;
use stdClass;

/** The clients, the vectors and the sandbox. */
final class Setup
{
    private const CONSENT_PATH = '/v2/api/report/user_copilot_analysis_consent_changed';

    /** @param array<string, string> $schemas */
    private function __construct(
        public readonly string $endpoint,
        public readonly CollectClient $collect,
        public readonly ConsentClient $consent,
        public readonly Tally $tally,
        private readonly string $vectors,
        private readonly array $schemas,
        private readonly Client $sandbox,
    ) {
    }

    /** @throws InvalidArgumentException when something is missing or wrong, in one sentence */
    public static function fromEnvironment(): self
    {
        $set = static fn (string $name): string => getenv("COPILOT_$name")
            ?: throw new InvalidArgumentException("the environment variable COPILOT_$name is not set");
        $url = rtrim($set('SANDBOX_URL'), '/');
        try {
            $sandbox = Endpoint::parse('the sandbox', $url);
        } catch (InvalidArgumentException) {
            $sandbox = new Uri();
        }
        if ($sandbox->getScheme() !== 'http') {
            // The run sends thousands of made-up events and empties the sandbox. Plain http is for this machine only.
            throw new InvalidArgumentException('COPILOT_SANDBOX_URL must be an http URL of this machine');
        }
        $credentials = new Credentials($set('CLIENT_ID'), $set('CLIENT_SECRET'));
        $report = getenv('COPILOT_REPORT');
        $mapping = Json::decode((string) file_get_contents('../../copilot.json'))
            ->components->schemas->Event->discriminator->mapping;
        $setup = new self(
            "$url/v2/collect",
            new CollectClient("$url/v2/collect", $credentials),
            new ConsentClient($url . self::CONSENT_PATH, $credentials),
            new Tally(is_string($report) && $report !== '' ? fopen($report, 'wb') : null),
            getenv('COPILOT_VECTORS') ?: '../../vectors',
            array_map(basename(...), get_object_vars($mapping)),
            new Client(['base_uri' => $url]),
        );
        try {
            $clock = $setup->sandbox('GET', 'status')->clock ?? null;
        } catch (TransferException $thrown) {
            $why = Http::words($thrown);
            throw new InvalidArgumentException('no answer from ' . Http::server($sandbox) . ": $why");
        }
        $now = $setup->vectors('timestamps.json')->now;
        return $clock === $now ? $setup : throw new InvalidArgumentException(
            "start the sandbox with --clock $now: the vectors are judged at that moment",
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

    /** The schema that the contract's discriminator names for a type of event. */
    public function schema(string $type): ?string
    {
        return $this->schemas[$type] ?? null;
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
