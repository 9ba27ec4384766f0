<?php
// PHP readers: php readers.php NAME. Reads paths on stdin and prints one line of JSON for each on stdout.
foreach (array_keys(getenv()) as $key) {
    putenv($key);
}
putenv('PATH=/usr/bin:/bin');
ini_set('display_errors', 'stderr');
require $argv[1] === 'phpdotenv' ? 'Dotenv/autoload.php' : 'Symfony/Component/Dotenv/autoload.php';
$argv[1] === 'symfony' && @include 'Symfony/Component/Process/autoload.php'; // for values with $(commands)
while (($path = fgets(STDIN)) !== false) {
    $path = rtrim($path, "\n");
    $_ENV = $_SERVER = [];
    try {
        $found = $argv[1] === 'phpdotenv'
            ? Dotenv\Dotenv::parse(file_get_contents($path))
            : (new Symfony\Component\Dotenv\Dotenv())->parse(file_get_contents($path), $path);
        $answer = ['ok' => (object) $found];
    } catch (Throwable $error) {
        $answer = ['error' => get_class($error) . ': ' . $error->getMessage()];
    }
    echo json_encode($answer, JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_LINE_TERMINATORS), "\n";
}
